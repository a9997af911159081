//! Values that can't be wrong: amounts, currencies, numbers, times.
