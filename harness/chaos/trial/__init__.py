"""What every trial does around its fault: hold, heal, settle."""
