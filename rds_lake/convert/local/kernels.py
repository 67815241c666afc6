"""pyarrow's compute functions as one name of type Any: pyarrow makes them at import, where type checkers cannot see them."""

from __future__ import annotations

from typing import Any

import pyarrow.compute

pc: Any = pyarrow.compute
