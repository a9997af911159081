//! A store's folder: keys, kits, stock, sales journal, burn record.
