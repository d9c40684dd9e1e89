"""Which colours does everything that is drawn have?"""

ACCENT = "#0072b2"  # colour-blind safe with the next
SECOND = "#d55e00"
QUIET = "0.75"
