"""What the marketplace tells of a person, be it a customer or a vendor."""

# Each is in the feed's input; all but the id are logged when they change.
PERSON_FACTS = ("display_name", "email", "locale")
# What mails and lists need of somebody.
ADDRESSED = ("external_id", *PERSON_FACTS)
