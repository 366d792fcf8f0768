"""Builds the kernel beside this file: python3 setup.py build_ext --inplace"""
from Cython.Build import cythonize
from setuptools import Extension, setup

setup(name="gilscope-cython-sample", py_modules=[],
      ext_modules=cythonize([Extension("kernel", ["kernel.pyx"])], build_dir="build"))
