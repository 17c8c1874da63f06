"""The words that names, addresses and enterprises are made of."""

from __future__ import annotations

from random import Random

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董程曹袁邓许沈曾彭吕苏卢蒋"
GIVEN_FIRST = "志文建海明国晓雨子思佳俊天一春秀丽玉淑桂慧雅梦若亦安"
GIVEN_LAST = "伟强军平勇杰涛超华刚芳娜敏静燕艳娟玲霞萍琳洁莹婷颖宁然轩怡欣"

DISTRICTS = {
    "330203": "海曙区",
    "330205": "江北区",
    "330206": "北仑区",
    "330211": "镇海区",
    "330212": "鄞州区",
    "330213": "奉化区",
}
"""The districts that the city borrows (see ``city.yaml``)."""

ABOLISHED = {"330212": "330204", "330213": "330283"}
"""A district of today → the code that clerks still write for a part of it."""

PROVINCES = ("32", "34", "35", "36", "41", "42", "51", "52")
"""Where those come from who hold a residence permit."""

STREETS = ["望江", "临港", "听潮", "云帆", "长堤", "柳荫", "书院", "青石", "晴川", "归雁"]
QUARTERS = ["江畔花园", "望潮苑", "云栖里", "长风小区", "锦帆公寓", "明月新村"]

BRANDS_FIRST = "恒瑞鼎盛宏远嘉和顺丰泰安信达博雅汇通金海晨光启明天元"
BRANDS_LAST = "源兴隆昌茂祥益润诚立创新拓锦辰宇翔腾跃峰川洲港帆"
TRADES = {
    "食品": "14",
    "纺织": "17",
    "家具": "21",
    "化工": "26",
    "金属制品": "33",
    "机械": "34",
    "电子": "39",
    "建设工程": "48",
    "贸易": "51",
    "物流": "58",
    "软件": "65",
    "商务咨询": "72",
}
"""A trade in an enterprise's name → its division of GB/T 4754."""


def make_name(rng: Random) -> str:
    """Return a person's name of two or three characters."""
    first = rng.choice(GIVEN_FIRST) if rng.random() < 0.75 else ""
    return rng.choice(SURNAMES) + first + rng.choice(GIVEN_LAST)


def make_address(division: str, rng: Random) -> str:
    """Return an address in a district of the city."""
    street = f"临江市{DISTRICTS[division]}{rng.choice(STREETS)}路{rng.randint(1, 399)}号"
    if rng.random() < 0.3:
        return street
    room = rng.randint(1, 18) * 100 + rng.randint(1, 4)
    return f"{street}{rng.choice(QUARTERS)}{rng.randint(1, 30)}幢{room}室"
