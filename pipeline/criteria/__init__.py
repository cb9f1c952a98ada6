"""The criteria of the paper as maps (`maps`, `adversarial`) and who judges them (`judges`); its comparative terms,
Eqs. 8 and 9 (`comparative`); the objective of a configuration, Eq. 11 (`objective`)."""
