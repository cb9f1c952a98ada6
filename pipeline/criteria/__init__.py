"""The criteria of the paper as maps (`maps`), its comparative terms, Eqs. 8 and 9 (`comparative`), and the
objective of a configuration, Eq. 11 (`objective`)."""
