from hypothesis import given
from hypothesis import strategies as st

from poptune.core.nested import MISSING, copy_tree, flatten, leaves, lookup, rebuilt

TREES = st.recursive(
    st.dictionaries(st.text("abc", min_size=1), st.integers()),
    lambda inner: st.dictionaries(
        st.text("abc", min_size=1), st.integers() | st.lists(st.integers(), max_size=2) | inner
    ),
    max_leaves=5,
)


def test_flat_dictionaries_stay_as_they_are():
    tree = {"loss": 1, "acc": 2}
    assert flatten(tree) == tree
    assert flatten(tree) is not tree


def test_keys_are_joined_and_keep_their_order():
    assert list(flatten({"b": {"y": 1, "x": {"z": 2}}, "a": 3})) == ["b/y", "b/x/z", "a"]
    assert flatten({"b": {"y": 1}}, separator=".") == {"b.y": 1}


def test_an_empty_dictionary_is_a_leaf():
    assert flatten({"a": {}, "b": {"c": {}}}) == {"a": {}, "b/c": {}}


def test_keys_that_are_no_text_are_written_as_text():
    assert list(leaves({1: {2: "x"}})) == [(("1", "2"), "x")]


def test_a_key_with_a_slash_is_found_before_a_path():
    assert lookup({"a/b": 1, "a": {"b": 2}}, "a/b") == 1


def test_what_is_not_there_is_missing():
    for name in ("x", "a/x", "a/b/c", "", "/", "a/"):
        assert lookup({"a": {"b": 1}}, name) is MISSING
    assert lookup({"a": None}, "a") is None


def test_positions_in_lists_and_tuples_are_found():
    tree = {"l": [1, {"a": (2, 3)}]}
    assert (lookup(tree, "l/0"), lookup(tree, "l/1/a/1")) == (1, 3)
    assert all(lookup(tree, name) is MISSING for name in ("l/2", "l/-1", "l/a", "l/0/0"))


@given(TREES)
def test_every_flattened_key_is_found(tree):
    assert all(lookup(tree, name) == value for name, value in flatten(tree).items())


@given(TREES)
def test_a_copy_is_equal_and_changes_for_itself(tree):
    before = repr(tree)
    copied = copy_tree(tree)
    assert copied == tree
    spoil(copied)
    assert repr(tree) == before


def spoil(container):
    for value in list(container.values() if isinstance(container, dict) else container):
        if isinstance(value, (dict, list)):
            spoil(value)
    container.clear()


def test_leaves_that_are_no_containers_are_shared():
    data = object()
    assert copy_tree({"a": {"data": [data]}})["a"]["data"][0] is data


def test_what_a_tuple_holds_is_copied():
    tree = {"blocks": ({"width": 8}, [1])}
    copied = copy_tree(tree)
    copied["blocks"][0]["width"] = 16
    copied["blocks"][1].append(2)
    assert tree == {"blocks": ({"width": 8}, [1])}


@given(TREES)
def test_what_is_rebuilt_of_the_same_items_is_the_same(tree):
    def same(value):
        return rebuilt(value, lambda key, item: same(item))

    assert same(tree) == tree
    assert same(tree) is not tree
