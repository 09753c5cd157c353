"""Products of the API emulator, a module or package each.

To add an action, write a method marked by `@action("Name")` in the class of its product. To add a product, write a
subclass of `Service` here and export it in `api`.
"""
