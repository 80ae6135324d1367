"""This study's own code, named in config.yaml by import paths: its data sets, networks, trainers and figures."""
