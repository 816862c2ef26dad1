# name
#! error: this name has no end
#!   | failures by `reason
#!   |             ^^^^^^^ a closing back-tick is expected
failures by `reason
