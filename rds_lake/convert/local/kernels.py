"""pyarrow's compute functions, which it makes while it is imported: type checkers cannot see them.

What belongs here: this one name.
"""

from __future__ import annotations

from typing import Any

import pyarrow.compute

pc: Any = pyarrow.compute
