"""The features that the recipe offers to the quality model; those that get a weight end up in `model.json`.

A knot stands where ordinary text of every good origin at hand ends (roughly its 90th percentile), and a second knot further out
("hardly any", "many") lets the penalty bend. Priors are ordinary values. Line measures lean on the prior longer: a post of one
line ends in punctuation or does not.

Capitals cost once and no more than `capitals` and `all_capitals` together: a telegram or a notice in capitals says what it says. So there is no
term for capitalised words, which a text in capitals has nothing but.
"""

from __future__ import annotations

from pipeline.quality.score import Feature

FEATURES: tuple[Feature, ...] = (
    Feature("few_stop_words", "stop_word_share", "below", 0.30, 0.08, 3.75, 0.42, 5),
    Feature("hardly_any_stop_words", "stop_word_share", "below", 0.18, 0.05, 3.6, 0.42, 5),
    Feature("long_words", "mean_word_length", "above", 6.4, 1, 3, 5.2, 4),
    Feature("very_long_words", "mean_word_length", "above", 9, 2, 3, 5.2, 1),
    Feature("short_words", "mean_word_length", "below", 3.8, 1, 2, 5, 8),
    Feature("words_without_letters", "alphabetic_words", "below", 0.90, 0.10, 4, 0.97, 8),
    Feature("digits", "digit_share", "above", 0.06, 0.08, 1.5, 0.01, 5),
    Feature("many_digits", "digit_share", "above", 0.15, 0.10, 4, 0.01, 5),
    Feature("capitals", "uppercase_share", "above", 0.1, 0.12, 0.8, 0.04, 8),
    Feature("all_capitals", "uppercase_share", "above", 0.48, 0.10, 1, 0.04, 8),
    Feature("symbols", "symbol_share", "above", 0.05, 0.05, 2, 0.02, 3),
    Feature("many_symbols", "symbol_share", "above", 0.12, 0.05, 4, 0.02, 3),
    Feature("hash_signs", "hash_ratio", "above", 0.05, 0.10, 3, 0, 8),
    Feature("ellipses", "ellipsis_ratio", "above", 0.05, 0.10, 3, 0, 8),
    Feature("newlines", "newline_ratio", "above", 0.25, 0.15, 2, 0.08, 6),
    Feature("many_newlines", "newline_ratio", "above", 0.45, 0.20, 3, 0.08, 6),
    Feature("short_lines", "short_lines", "above", 0.45, 0.25, 2, 0.2, 12),
    Feature("no_line_punctuation", "line_punctuation", "below", 0.15, 0.15, 1, 0.4, 12),
    Feature("bullets", "bullet_lines", "above", 0.6, 0.20, 2, 0.1, 12),
    Feature("repeated_lines", "duplicate_lines", "above", 0.08, 0.20, 4, 0, 12),
    Feature("repeated_line_characters", "duplicate_line_characters", "above", 0.05, 0.20, 4, 0, 12),
    Feature("repeated_paragraphs", "duplicate_paragraph_characters", "above", 0.05, 0.20, 4, 0, 12),
    Feature("frequent_2_gram", "top_2_gram", "above", 0.07, 0.07, 4, 0.02, 20),
    Feature("frequent_4_gram", "top_4_gram", "above", 0.06, 0.07, 4, 0.01, 20),
    Feature("repeated_5_grams", "duplicate_5_grams", "above", 0.06, 0.10, 5, 0, 20),
    Feature("repeated_10_grams", "duplicate_10_grams", "above", 0.03, 0.10, 5, 0, 20),
    Feature("word_list", "unique_word_share", "above", 0.80, 0.08, 2.5, 0.65, 60),
    Feature("few_different_words", "unique_word_share", "below", 0.30, 0.10, 2.5, 0.6, 30),
    Feature("strange_letters", "letter_surprise", "above", 3.55, 0.35, 4, 3.2, 4),
    Feature("gibberish", "letter_surprise", "above", 4.6, 0.5, 4, 3.2, 3),
    Feature("advertising", "spam_ratio", "above", 0.006, 0.012, 2, 0.002, 25),
    Feature("much_advertising", "spam_ratio", "above", 0.03, 0.03, 3, 0.002, 25),
    Feature("page_furniture", "boilerplate_ratio", "above", 0.004, 0.012, 2, 0.001, 25),
    Feature("much_page_furniture", "boilerplate_ratio", "above", 0.03, 0.03, 3, 0.001, 25),
    Feature("links", "link_ratio", "above", 0.02, 0.03, 3, 0.005, 15),
    Feature("exclamations", "exclamation_ratio", "above", 0.02, 0.03, 2, 0.004, 60),
    Feature("many_exclamations", "exclamation_ratio", "above", 0.07, 0.05, 3, 0.004, 40),
    Feature("compresses", "compression_ratio", "below", 0.45, 0.1, 4, 0.7, 40),
    Feature("endless_word", "longest_word", "above", 40, 40, 3, 12, 0),
)
