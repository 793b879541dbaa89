"""Makes `sandbox` importable, with detailed assertion messages."""

import pytest

pytest.register_assert_rewrite("sandbox")
