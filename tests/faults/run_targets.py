"""What `dse` writes and reads again, and the words of its commands, with faults to try on each."""

from dse.run_files import CHECKSUMS
from dse.training.checkpoints import STATE_FILE
from faults.calls import COMMANDS, WORDS, called_with, calls
from faults.campaign import Target
from faults.corruptions import BINARY, JSON, PLACE, TEXT
from faults.run_roots import (
    a_checkpoint,
    a_run,
    an_older_checkpoint,
    an_older_run,
    embeds,
    older_results,
    paper,
    reads_paper,
    reads_run,
    results,
    resumes,
    skips_what_is_done,
    sums_up,
)

FILES = {
    "config.json": JSON,
    "model.safetensors": BINARY,
    "history.csv": TEXT,
    "validation.jsonl": TEXT,
}
TARGETS = [
    *(
        Target(
            f"a run: {file}", a_run, f"run/{file}", reads_run, how | PLACE, has_checksum=True
        )
        for file, how in (FILES | {CHECKSUMS: TEXT}).items()
    ),
    *(
        Target(f"an older run: {file}", an_older_run, f"run/{file}", reads_run, how | PLACE)
        for file, how in FILES.items()
    ),
    Target("an older run: embedded", an_older_run, "run/model.safetensors", embeds, BINARY),
    *(
        Target(
            f"a checkpoint: {file}", a_checkpoint, f"run.partial/step-00000003/{file}", resumes,
            how | PLACE, has_checksum=True,
        )
        for file, how in (FILES | {STATE_FILE: BINARY, CHECKSUMS: TEXT}).items()
    ),
    Target(
        f"an older checkpoint: {STATE_FILE}", an_older_checkpoint,
        f"run.partial/step-00000003/{STATE_FILE}", resumes, BINARY | PLACE,
    ),
    Target("a result", results, "colours/*", sums_up, JSON | PLACE, has_checksum=True,
        named=("colours",),
    ),
    Target("a result, kept", results, "colours/*", skips_what_is_done, JSON | PLACE,
        has_checksum=True,
    ),
    Target("an older result", older_results, "colours/*", sums_up, JSON | PLACE,
        named=("colours",),
    ),
    Target("the paper's figures", paper, "paper.json", reads_paper, JSON | PLACE,
        has_checksum=True,
    ),
    *(
        Target(f"the words of dse {name}", called_with(words), "words.json", calls, WORDS,
            named=("dse: ",),
        )
        for name, words in COMMANDS.items()
    ),
]  # fmt: skip
