"""What pyproject.toml cannot say: the wheel carries ``templates/`` as ``headlessly/templates``."""

from setuptools import find_packages, setup

PRODUCT = ["headlessly", "headlessly.*", "crm", "crm.*", "marketing", "marketing.*"]

setup(
    packages=[*find_packages(include=PRODUCT), "headlessly.templates"],
    package_dir={"headlessly.templates": "templates"},
    package_data={
        "headlessly": ["py.typed", "static/**/*", "locale/**/*"],
        "headlessly.templates": ["**/*"],
        "crm": ["py.typed"],
        "marketing": ["py.typed", "static/**/*"],
    },
)
