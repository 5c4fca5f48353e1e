"""The group of commands that `ledgerlink risk` is; each of them is a file beside this one."""

from ops.commands.app import OneMessageTyper

app = OneMessageTyper(
    name="risk",
    help="Train, evaluate, replay and change what decides about payments.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
