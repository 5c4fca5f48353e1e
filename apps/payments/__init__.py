"""The payments service: takes each payment intent through risk and ledger to one final answer."""
