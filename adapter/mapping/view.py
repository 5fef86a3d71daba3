"""STOPGAP"""
from __future__ import annotations
from typing import Any
from functools import lru_cache
from fhirpathpy import compile as fcompile
from fhirpathpy.models import models
class View:
    def __init__(self, d, m):
        self.d=d; self.m=m; self.name=d["name"]; self.resource=d["resource"]; self.cache={}
    @classmethod
    def load(cls, d, membership=None): return cls(d, membership)
    def ev(self, path, r):
        if path not in self.cache:
            def member(inputs, url):
                out=[]
                for i in inputs:
                    i=getattr(i,'data',i)
                    cs=i.get('coding',[i]) if isinstance(i,dict) else []
                    out.append(any(self.m.contains(url, c.get('system'), c.get('code','')) for c in cs))
                return out
            def key(inputs,*a): return [getattr(i,'data',i)['id'] for i in inputs]
            def ref(inputs,*a): return [getattr(i,'data',i)['reference'].split('/')[-1] for i in inputs]
            self.cache[path]=fcompile(path.replace('getReferenceKey(Medication)','getReferenceKey()'),models["r4"],{"userInvocationTable":{"memberOf":{"fn":member,"arity":{1:["String"]}},"getResourceKey":{"fn":key,"arity":{0:[]}},"getReferenceKey":{"fn":ref,"arity":{0:[]}}}})
        return [getattr(x,'data',x) for x in self.cache[path](r)]
    def rows(self, r):
        for w in self.d.get("where",()):
            if self.ev(w["path"], r)!=[True]: return []
        rows=[{}]
        for s in self.d["select"]:
            fe=s.get("forEachOrNull")
            if fe:
                n=len(self.ev(fe,r)); parts=[]
                for i in range(n):
                    parts.append({c["name"]: self.val(c, f"({fe}).skip({i}).first().select({c['path']})", r) for c in s["column"]})
                parts=parts or [{c["name"]: None for c in s["column"]}]
            else:
                parts=[{c["name"]: self.val(c,c["path"],r) for c in s["column"]}]
            rows=[{**a,**b} for a in rows for b in parts]
        return rows
    def val(self,c,p,r):
        v=self.ev(p,r)
        if c.get("collection"): return v
        return v[0] if v else None
