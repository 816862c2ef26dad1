# string
failures where message = 'a ''b'' "c"'
