"""Texts of our own writing that several tests read."""

# ruff: noqa: RUF001 - Chinese has its own punctuation

PROSE = (
    "The harbour town had always lived from the sea, and when the herring stayed away for the third year in a row, the "
    "council met in the old customs house to talk about what could be done. Some of the older fishermen said that the fish "
    "would come back, as they had come back before. Others had already sold their boats.\n\n"
    "It was the schoolteacher who spoke last. She asked how many of them had ever counted the visitors who came to see the "
    "lighthouse in the summer, and nobody could answer her. So they began to count."
)
LICENCE = (
    "Permission to use this work is granted to anyone who obtains a copy of it, without charge, provided that this notice "
    "is kept with all copies and with all substantial parts of it. The holder of the rights may ask that a changed copy be "
    "marked as such, so that its readers know what they have in front of them.\n\n"
    "THE WORK IS GIVEN AS IT IS, WITHOUT ANY PROMISE THAT IT FITS A PURPOSE. IN NO CASE IS THE HOLDER LIABLE FOR DAMAGE "
    "THAT COMES FROM ITS USE."
)
DOCUMENTATION = (
    "Reading a configuration\n\nThe program looks for its configuration in the folder that it was started from, and then "
    "in the user's home. If there is none in either place, it uses the defaults that are described below.\n\n"
    "* `timeout` is the number of seconds to wait for an answer.\n* `retries` says how often it tries again before it gives "
    "up.\n\nTo see what is used, run the program with the option that prints its settings. They can be copied into a file "
    "and changed there."
)
DESCRIPTION = (
    "Small library for reading and writing archives. It supports the formats that are common on this system and can be "
    "extended by the programs that use it. This package contains the files that are needed to build programs against the "
    "library, together with its documentation and a few examples of how it is used."
)
GERMAN = (
    "Die kleine Stadt am Hafen lebte seit jeher vom Meer, und als der Hering im dritten Jahr ausblieb, traf sich der Rat im "
    "alten Zollhaus. Einige der älteren Fischer meinten, der Fisch werde zurückkommen, wie er immer zurückgekommen sei. "
    "Andere hatten ihre Boote längst verkauft. Zuletzt sprach die Lehrerin und fragte, wer je die Besucher gezählt habe."
)
CHINESE = (
    "港口小镇一直靠海为生。当鲱鱼连续第三年没有出现时，议会在旧海关大楼开会讨论该怎么办。一些老渔民说鱼会回来的，就像以前一样。"
    * 2
)

FILE_LIST = "\n".join(
    f"/usr/share/archive/{name}.{kind}" for name in ("index", "table", "notes") for kind in ("gz", "xz", "lz", "7z")
)
MASH = (
    "asdf jkl qwer zxcv asdkj qlwkej zmxn poiu lkjh asdlkj qwoei zxmcn asdkjh qwpeo rtyu fghj vbnm tyui ghjk bnmv wqer "
    * 3
)
NAVIGATION = "Home\nAbout\nProducts\nServices\nContact\nLogin\nCart\nHelp\nNews\nCareers\nPress\nSitemap"
REPEATED = "Buy the best of our watches here today.\n" * 30
NOISE = (
    "t#e b@$t %a&ch*s +h=r| t~d^y {a]d [o} <n> 48291 $$# @@! 9912 ##%% ^^&& **(( 7781 ~~|| ==++ 0092 //\\\\ 1182 " * 2
)
