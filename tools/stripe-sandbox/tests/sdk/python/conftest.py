"""Makes `sandbox` importable, with assertions that say what they compared."""

import pytest

pytest.register_assert_rewrite("sandbox")
