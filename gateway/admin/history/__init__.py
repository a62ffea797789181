"""Pages on what happened: figures, journeys, the log, health. Read models first, pages (``*_page``) after them."""
