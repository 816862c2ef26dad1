# text_test
failures where message like *quota* and message contains 'vCPU limit' and message matches '\d+ of \d+'
