"""Evaluation: what is measured of real clips, the teacher and the student, by the same code for each.

Modules:
    judges, train_judges: two frozen recognisers of style and content, and how they were made.
    windows: which windows of a clip are judged, and when a gesture happens.
    recognition, gaps, pairs, frechet, feet, paths, steering, smoothness, switching, strength, controls, endurance: the
        measures.
    bootstrap: intervals clustered by clip. targets: what has to be reached, and the verdicts.
    protocol, manoeuvres: what is asked. trials, game_paths: closed-loop rollouts through the streaming core.
    report, pictures: JSON, Markdown, strips of poses and plans.

Nothing here is imported by anything that trains or guides a model.
"""
