"""临江市, a small made-up city: its pack, and departments that deliver twice."""

from tests.support.small_city.city import deliver_again, make_demo_city
from tests.support.small_city.people import DELIVERED

__all__ = ["DELIVERED", "deliver_again", "make_demo_city"]
