"""What the commands do, once `dse.cli` has parsed their arguments."""
