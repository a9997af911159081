//! FAT32 volumes laid out by arithmetic and streamed front to back.
