"""Prints a PASS, FAIL or SKIP line for every test in Maven's reports below a directory.

usage: maven_reports.py DIRECTORY
"""
import glob
import os
import sys
import xml.etree.ElementTree as xml

for path in sorted(glob.glob(os.path.join(sys.argv[1], '*', 'target', '*-reports', 'TEST-*.xml'))):
    for case in xml.parse(path).getroot().iter('testcase'):
        name = f"{case.get('classname')}.{case.get('name')}".replace('\n', ' ')
        bad = case.find('failure')
        if bad is None:
            bad = case.find('error')
        if bad is not None:
            print('FAIL', name)
            print('\n'.join('    ' + line for line in (bad.text or bad.get('message') or '').splitlines()[:8]))
        elif case.find('skipped') is not None:
            print('SKIP', name)
        else:
            print('PASS', name)
