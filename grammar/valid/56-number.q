# number
failures by service show count * -1.5 as negative
