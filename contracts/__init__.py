"""The shared message language: frozen messages, money, ids, subjects and streams. No I/O."""
