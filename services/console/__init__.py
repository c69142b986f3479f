"""The console: pages of a browser over `services.application`, rendered here, without a build step.

A screen is a module in `screens/` with its routes and view models, and a template of its name. All
words are the catalogue's: a template says them by `t("console.today.title")`.
"""
