"""The columns that customers and vendors share."""

# Each is in the feed's input, and is logged when it changes.
PERSON_FACTS = ("display_name", "email", "locale")
# What mails and lists need to know of a person.
ADDRESSED = ("external_id", *PERSON_FACTS)
