# missing
failures where cause is missing or exit_code is not missing
