-- Throws when it is loaded.
error "I will not load"
