"""Fresh processes for tests. Where the system can fork they are cheap: all come from one that has only imported."""

import multiprocessing


def fresh():
    """A `multiprocessing` context whose processes have computed nothing and set nothing for a whole process yet."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.support.sweep"])  # the package, and what draws
    return context
