# PyTensor decorates its functions in ways that type checkers misread; here they are left open.
from typing import Any

def __getattr__(name: str) -> Any: ...
