"""Where code that nobody trusts runs: isolated, within limits, or not at all.

    executor = sandbox()                                    # the best that this machine can do, tested, not believed
    found = await executor.run({"main.py": "print(6 * 7)"}, ["python", "main.py"])
    found.status, found.stdout                              # "ok", "42\\n"

A ladder of four tiers: 3 a machine of its own (gVisor, or whatever you bring), 2 namespaces, 1 Landlock, 0 nothing
runs. Which one holds is decided by attacking it before the first use. Verdicts stand on values, never on what a program
says of itself: `call` sends inputs in and takes plain values out, and only the host knows what they should be.
"""
