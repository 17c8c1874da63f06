"""The truth of the demo city: who lives and works where, and what happens to them."""

from chengshu.demo.world.make import DAY_0, make_world, open_world

__all__ = ["DAY_0", "make_world", "open_world"]
