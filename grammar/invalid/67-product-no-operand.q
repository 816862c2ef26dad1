# product
#! error: a field, a function or a number is expected, not `,`
#!   | failures by service show count * , share
#!   |                                  ^
failures by service show count * , share
