"""Work beside the messages: past and present payments judged by rule sets that decide about none of them."""
