# every
failures every 6h nofill
