"""pyarrow's compute functions under one name of type Any: pyarrow creates them at import, so type checkers cannot see them."""

from __future__ import annotations

from typing import Any

import pyarrow.compute

pc: Any = pyarrow.compute
