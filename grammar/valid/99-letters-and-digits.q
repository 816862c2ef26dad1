# letter, digit: a name of both
failures by reason as p2_name
