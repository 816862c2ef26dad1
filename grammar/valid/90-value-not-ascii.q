# word: letters of any script
failures where message contains 失敗
