"""Builds both modules beside this file: python3 setup.py build_ext --inplace"""
try:
    from setuptools import Extension, setup
except ImportError:  # Python before 3.12 without setuptools
    from distutils.core import Extension, setup

setup(name="gilscope-extension-sample", version="1", py_modules=[],
      ext_modules=[Extension(name, [name + ".c", "waiting.c"], libraries=["z"], depends=["waiting.h"],
                             extra_compile_args=["-O2", "-g", "-Wall", "-Wextra"])
                   for name in ("defects", "repaired")])
