#!/bin/sh
echo "it can't be"
exit 7
