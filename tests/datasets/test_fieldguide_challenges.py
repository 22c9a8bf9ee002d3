"""The challenges: other captions for the unseen species, the same on every machine."""

import hashlib
import json
from dataclasses import replace

import pytest
import torch

import dse
from dse.datasets.fieldguide.challenges import (
    CHALLENGES,
    challenge_captions,
    with_challenge,
    with_clause,
)
from dse.text.tokens import CHARACTER_LENGTH, WORD_LENGTH, words
from dse.utils.errors import InputError

# A change of these hashes means other challenges: every number measured on them is then another.
GOLDEN = {
    "reordered": "8a21dc285276b6b2",
    "shifted": "7ea988bb82dbb1ee",
    "distant": "21046df4322c1c79",
    "few words": "55f9968455d7815c",
    "misspelt": "928a32cc64f99a6a",
}


@pytest.fixture(scope="module")
def data():
    return dse.read_dataset("fieldguide")


@pytest.fixture(scope="module", params=CHALLENGES)
def challenge(request, data):
    """The name of a challenge, and the guide with its captions."""
    return request.param, with_challenge(data, request.param)


def test_captions_are_the_same_everywhere(challenge):
    name, changed = challenge
    text = json.dumps(changed.subset("test").captions)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == GOLDEN[name]


def test_unseen_species_get_ten_captions_and_train_species_keep_theirs(challenge, data):
    _, changed = challenge
    assert changed.subset("train").captions == data.subset("train").captions
    for split in ("val", "test"):
        new, old = changed.subset(split), data.subset(split)
        assert {len(own) for own in new.captions} == {10}
        assert all(one != other for one, other in zip(new.captions, old.captions, strict=True))
        assert torch.equal(new.labels, old.labels) and new.image_paths == old.image_paths


def test_every_caption_is_read_to_its_end(challenge):
    _, changed = challenge
    captions = changed.subset("val").all_captions + changed.subset("test").all_captions
    assert max(map(len, captions)) <= CHARACTER_LENGTH
    assert max(len(words(caption)) for caption in captions) <= WORD_LENGTH


def test_no_caption_names_a_species(challenge):
    _, changed = challenge
    names = {word for name in changed.class_names for word in name.split()}
    captions = changed.subset("val").all_captions + changed.subset("test").all_captions
    assert not names & {word for caption in captions for word in words(caption)}


def test_captions_of_an_image_do_not_depend_on_others(challenge, data):
    name, changed = challenge
    c = int(data.splits["test"][3])
    first = data.labels.tolist().index(c)
    assert challenge_captions(name, c, 2) == changed.captions[first + 2]


def test_evaluate_takes_a_challenge(data):
    features = torch.randn(len(data), 1, 8, generator=torch.Generator().manual_seed(0))
    described = replace(data, features=features)
    run = dse.train(described, dse.TrainingConfig("bag-of-words", steps=1), progress=False)
    metrics = dse.evaluate(run, with_challenge(described, "few words"), "test")
    assert len(metrics.class_names) == 50


def test_unknown_challenges_and_other_data_are_refused(data):
    with pytest.raises(InputError, match="few words"):
        with_challenge(data, "sideways")
    with pytest.raises(InputError, match="whole"):
        with_challenge(data.subset("test"), "distant")


@pytest.mark.parametrize("characters", [0, 1, 104])
def test_a_clause_moves_every_caption_and_nothing_else(data, characters):
    moved = with_clause(data, characters)
    for before, after in zip(data.all_captions, moved.all_captions, strict=True):
        assert after.endswith(before) and len(after) == len(before) + characters
    assert moved.image_paths == data.image_paths and moved.labels is data.labels


@pytest.mark.parametrize("characters", [-1, 105])
def test_a_clause_has_an_end(data, characters):
    with pytest.raises(InputError, match="clause"):
        with_clause(data, characters)
