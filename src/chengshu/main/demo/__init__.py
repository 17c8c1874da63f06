"""临江市, a small made-up city: its pack, and departments that deliver twice."""

from chengshu.main.demo.city import deliver_again, make_demo_city
from chengshu.main.demo.people import DELIVERED

__all__ = ["DELIVERED", "deliver_again", "make_demo_city"]
