"""The table in docs/own-text.md of how models of texts do on public sets, from the results of text_sets.py."""

from typing import Any

from benchmarks.tables import digits, markdown
from scratchnn.experiments.run import interval

MARKS = ("<!-- text sets: written by benchmarks/text_sets.py -->", "<!-- end of text sets -->")


def table(results: dict[str, Any]) -> str:
    """A row for each model: accuracy with its interval, and seconds to learn, for each set."""
    sets = results["sets"]
    head, align = ["model"], ["---"]
    for each in sets:
        head += [each["title"], "s"]
        align += ["--:", "--:"]
    rows = [["always the commonest label"]]
    for each in sets:
        rows[0] += [share(each["commonest"] / each["texts"]["test"], each["texts"]["test"]), ""]
    for title in sets[0]["models"]:
        row = [title]
        for each in sets:
            model = each["models"][title]
            row += [share(model["accuracy"], each["texts"]["test"]), digits(model["learn"]["median"])]
        rows.append(row)
    return f"{markdown(head, align, rows)}\n\n{about(results)}"


def share(accuracy: float, N: int) -> str:
    """In percent, with its 95% interval."""
    low, high = interval(accuracy, N)
    return f"{100 * accuracy:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def about(results: dict[str, Any]) -> str:
    """One paragraph: the texts, what was chosen, versions, and how busy the machine was."""
    sets = results["sets"]
    sizes = "; ".join(
        f"{each['title']} {' / '.join(f'{n:,}' for n in each['texts'].values())} texts of {each['classes']} classes "
        f"({each['package']})"
        for each in sets
    )
    networks = ", ".join(chosen(each, "bow or cnn, up to 20 epochs") for each in sets)
    tfidf, bayes = (
        ", ".join(chosen(each, title).removeprefix("C ") for each in sets)
        for title in ("tf-idf, logistic regression", "naive Bayes' weights, logistic regression")
    )
    machine, rounds = results["machine"], results["rounds"]
    packages = ", ".join(f"{name} {version}" for name, version in results["packages"].items())
    busy = max(model["others"] for each in sets for model in each["models"].values())
    times = "one run each" if rounds == 1 else f"means of {rounds} runs, medians of their seconds"
    return (
        f"Accuracy in percent, with its 95% interval. To train / validate / test: {sizes}. Seconds of the CPU, all "
        f"threads together, to learn with every choice that validation makes, such as seven C; {times}, "
        f"{results['threads']} threads, {machine['cpu']}, of whose {machine['cores']} cores others used up to "
        f"{busy:.0%} meanwhile. Validation chose {networks}; C {tfidf} for tf-idf and {bayes} for naive Bayes' "
        f"weights. {packages}."
    )


def chosen(each: dict[str, Any], title: str) -> str:
    """What validation chose in most rounds."""
    found = each["models"][title]["chosen"]
    return max(found, key=found.count)
