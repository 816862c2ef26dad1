# product
#! error: unexpected `,`: expected a field, a function or a number
#!   | failures by service show count * , share
#!   |                                  ^
failures by service show count * , share
