# text_test
failures where message not like * and message not contains x and message not matches '^y'
